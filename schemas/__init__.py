"""Every event, document and topic of zhida, as pydantic models: the contract between its parts and with others."""
