"""What may go wrong on a laptop without anything being broken, in words for whoever typed."""


class Problem(Exception):
    """Shown as it is, without a traceback."""


class SetupFailed(Problem):
    """Something that has to be fetched or installed could not be; the message says what and why."""


class NotStarted(Problem):
    """The local AWS did not come up; the message says what it said."""


class PackageFailed(Problem):
    """The functions' zip could not be built; the message is the builder's."""


class TerraformFailed(Problem):
    """Terraform ended with an error; the message is its own."""
