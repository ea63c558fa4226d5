"""PURE: will it finish inside the limit, how sure is that, why, and what can be done."""
