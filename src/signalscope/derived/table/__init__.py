"""Every derived series, one module a domain: ``GROUPS`` of rows that are recorded, ``ASKED`` that are not."""
