"""Jobs: work on trained models in a process of its own, in steps whose results are stored one by one."""
