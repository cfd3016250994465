"""What holds for every test? Properties are judged by what they find, not by how busy the machine is."""

import hypothesis

hypothesis.settings.register_profile(
    "here", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("here")
