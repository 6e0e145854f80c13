"""A page in the browser on this machine: the commands of `jinc` with pictures that appear live.

`recipes`, `jobs` and the jobs beside them know nothing of Gradio; `tabs/` and `page` do.
"""
