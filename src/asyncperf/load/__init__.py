"""The measuring instrument: engines that load a target and record every request."""
