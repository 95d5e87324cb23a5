"""Taking regions out of service and bringing them back: drains that are waited out, rollouts.

`withdrawal` drains one region at every edge host and says when it is safe to stop it; `steps` is
the pure order of a rollout, `verify` asks a region whether it serves what it should, `preflight`
says beforehand what that cannot be asked of, `checkpoint` keeps how far a rollout came, and `run`
does it.
"""
