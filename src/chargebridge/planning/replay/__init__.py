"""Stays that were, or might have been, charged again under another strategy: what would it have cost, who would have gone without?"""
