"""Services beside the pages: the scheduler and the workers."""
