"""A report of a training, one HTML file to open in a browser or to print.

python examples/report.py [SET] [FILE]
"""

import sys

import deepwell as dw

name = sys.argv[1] if len(sys.argv) > 1 else "digits"
path = sys.argv[2] if len(sys.argv) > 2 else "report.html"

learner = dw.Learner(dw.open(name), say=print)
learner.fit(epochs=5)
print(f"open {learner.report(path)} in a browser")
