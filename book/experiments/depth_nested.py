"""Does depth help where the structure is nested, and the number of parameters stays the same?

As the experiment depth, on the value of expressions such as "( max 3 ( min 4 1 ) 2 )".
"""

from experiments import depth

SETTINGS = depth.SETTINGS | {"updates": {"expressions": 2000}}
SMALL = SETTINGS | {"seeds": [0], "updates": {"expressions": 200}}
run = depth.run
