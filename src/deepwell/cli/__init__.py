"""The command line: joins the parts, prints, and turns a user's mistake into one clear message."""
