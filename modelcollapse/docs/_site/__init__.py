"""The documentation as a site: what is written at build time, and how Sphinx reads and shows it."""
