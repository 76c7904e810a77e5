"""What a front end makes of it: JupyterLab and pages in a real Chromium."""
