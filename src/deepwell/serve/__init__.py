"""Layer 5: answers over HTTP. ``app.make_app`` makes the application, ``server.run`` runs it."""
