"""Layer 5: one HTML page of a run, from plain facts: what was trained, how good it is, where it errs, how to repeat it.

``page.render(facts, language)`` is pure. Each kind of answer brings its own tables by a file in ``outputs/``, each kind
of data its way to show a sample by a file in ``samples/``, each section of the page is a file in ``sections/`` and a
template of the same name.
"""
