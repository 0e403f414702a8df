"""The load and fault audit: many clients, bad files, repeated events, a stumbling S3, dead workers.

`python -m measure.load` applies the module on a local AWS of its own, and fails if a single upload
does not reach the end that it should.
"""
