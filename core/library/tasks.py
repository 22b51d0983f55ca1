"""Names of the tasks in the queue: what hands them out and what does them agree on these."""

UPKEEP = "upkeep"
SWEEP = "sweep"
RESCUE = "rescue"
