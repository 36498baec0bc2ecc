# The areas of the program, layer by layer from the bottom: an area may use those of the layers above
# it in this list, and no others. The build and tests/house/check_layers.py read the order here.
set(ALPHAPRUNE_LAYERS
    "support"
    "parallel formats"
    "device"
    "linalg"
    "model"
    "spectrum transformer"
    "allocation pruning"
    "checkpoint resume report"
    "planning"
    "phases cli"
    "commands")
