"""How does an upload session become an object? Its terms, its content in a draft, the commit, the sweep."""
