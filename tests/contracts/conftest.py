"""What do all runs of the contracts need? The fixtures that are shipped with them."""

from bucketport.testing.plugin import *  # noqa: F403
