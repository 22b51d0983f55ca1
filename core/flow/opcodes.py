"""The numbers the walk kernel switches on: kinds of compiled nodes, conditions and allocations.

Plain module constants, because numba folds them into the machine code.
"""

# Compiled node kinds, and what their ``arg`` columns hold.
ASSET = 0  # 0: number in Program.assets
CASH = 1
PASS = 2  # one child gets all: groups, references to strategies
EQUAL = 3
RANKED = 4  # first child heaviest: n, n-1 … 1, over their sum
SPECIFIED = 5  # 0: refs of one share slot a child
INVERSE_VOLATILITY = 6  # 0: refs of one volatility slot a child
GATE = 7  # 0: condition; children then, else
SWITCH = 8  # 0: refs of conditions, 1: how many
SCALE = 9  # 0: slot of the indicator, 1: from, 2: to
SORT = 10  # see SORT_* below

SORT_KEYS = 0  # refs of key slots, item by item
SORT_N_KEYS = 1
SORT_ORDERS = 2  # bit k set: key k ascends
SORT_TAKE = 3  # slot
SORT_ALLOCATION = 4
SORT_SHARES = 5  # refs of ``take`` share slots (specified) or one volatility slot an item
SORT_FILTERS = 6  # refs of one condition an item; -1 without filters
N_ARGS = 7

ALLOCATE_EQUAL, ALLOCATE_RANK, ALLOCATE_SPECIFIED, ALLOCATE_INVERSE_VOLATILITY = range(4)

# Condition operations: their operands a and b.
GREATER = 0  # slots a, b
GREATER_EQUAL = 1
LESS = 2
LESS_EQUAL = 3
FOR_DAYS = 4  # condition a, slot b
ALL_OF = 5  # refs a … a + b
ANY_OF = 6
NOT = 7  # condition a
AT_LEAST = 8  # refs a … a + b, slot c
MONTH = 9  # a: bit m - 1 set for month m
LATCH = 10  # conditions enter a, exit b

# Three-valued truth.
UNKNOWN, FALSE, TRUE = -1, 0, 1
