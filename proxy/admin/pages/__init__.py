"""The review pages: server-rendered, one file a page and one line here."""

from proxy.admin.pages import alerts, exchanges, findings, groups, ledger, overview, policies, principals, queue, settings, terms

PAGES = (overview, queue, findings, groups, exchanges, principals, policies, terms, ledger, alerts, settings)
"""Every page that stands in the bar, in its order."""
