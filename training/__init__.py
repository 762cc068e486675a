"""Train, measure and export captioners; never needed to run the daemon."""
