"""Does depth help on nested expressions when all networks are larger?

As the experiment depth_nested, with about three times the parameters: one layer against three.
"""

from experiments import depth, depth_nested

SETTINGS = depth_nested.SETTINGS | {"hidden": 64, "layers": [1, 3]}
SMALL = SETTINGS | {"seeds": [0], "updates": {"expressions": 200}}
run = depth.run
