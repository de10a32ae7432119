"""`manage.py up` and `manage.py test`: the only code that knows the embedded PostgreSQL and Valkey.

It runs before Django and imports nothing of it. One thread, one loop: children are forked with code of ours
in between (`PR_SET_PDEATHSIG`), and that is only safe while no second thread holds a lock.
"""
