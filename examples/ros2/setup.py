"""The package as colcon builds it."""

from setuptools import setup

setup(
    name="leadline_ros",
    version="0.1.0",
    packages=["leadline_ros"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/leadline_ros"]),
        ("share/leadline_ros", ["package.xml"]),
    ],
    install_requires=["setuptools", "leadline"],
    license="Apache-2.0",
    entry_points={"console_scripts": ["depth = leadline_ros.node:main"]},
)
