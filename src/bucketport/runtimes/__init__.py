"""Where does the core run? One file or folder a runtime: each makes Requests, and sends Responses by body kind."""
