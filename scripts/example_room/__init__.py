"""One hand-furnished room with exactly known depth: geometry, textures, furniture, rendering.

Read in this order: ``geometry`` (meshes), ``textures`` (tiles), ``scene`` (materials, camera),
``furniture`` and ``clutter`` (pieces), ``room`` (where everything stands), ``render`` (light and
depth), ``develop`` (the camera's electronics). ``scripts/render_example_room.py`` drives them.
"""
