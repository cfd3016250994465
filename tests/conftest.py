"""What holds for every test? Properties are judged by what they find, not by how busy the machine is or by luck.

The examples of a property are the same at every run, so that a green run stays green; `--hypothesis-profile=search`
draws new ones, and more of them.
"""

import hypothesis

_CALM = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow], "print_blob": True}

hypothesis.settings.register_profile("here", derandomize=True, **_CALM)
hypothesis.settings.register_profile("search", max_examples=1000, **_CALM)
hypothesis.settings.load_profile("here")
