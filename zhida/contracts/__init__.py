"""The contract pages: JSON Schemas, an AsyncAPI document and a page per topic, made from the models and golden events.

Pure but for reading golden events and the files compared with; it knows only `schemas`, so that the schemas of an
earlier release can be made from that release's models.
"""
