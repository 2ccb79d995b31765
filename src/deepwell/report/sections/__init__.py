"""The page's sections, one file each: ``view(facts, words)`` gives what the template of the same name prints.

Every view has ``say``: the section in one sentence, for a person who is no expert.
"""
