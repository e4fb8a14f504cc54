"""`python -m leadline`, which launchers such as torchrun need: the same as `leadline`."""

from leadline.cli import main

main()
