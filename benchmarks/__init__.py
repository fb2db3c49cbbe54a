"""Speed claims: a file a claim, each a table of ratios measured side by side. Run from a checkout that is installed editable."""
