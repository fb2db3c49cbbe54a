"""The experiments of the article, its claims, and what is found for each; see docs/article/index.md."""
