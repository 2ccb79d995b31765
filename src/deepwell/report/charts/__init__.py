"""Charts as SVG, each a pure function of numbers; the page's style gives the colours, for light and dark."""
