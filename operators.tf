# Beside the way of the image: what people need who look after it.

module "operators" {
  source = "./modules/operators"

  name         = var.name
  surroundings = local.surroundings
  uploads      = module.storage.uploads
  results      = module.storage.results
  remake       = one(values(module.remake)[*].remake)
}

locals {
  _remakes = values(module.remake)[*].remake.state_machine
}

# Whoever changes the renditions, or brings a bucket that is full, has what is there made anew.
module "remake" {
  source   = "./modules/remake"
  for_each = nonsensitive(var.workflow.remake == null) ? {} : { on = var.workflow.remake }

  name         = var.name
  surroundings = local.surroundings
  remake       = each.value
  before       = var.workflow.before
  uploads      = module.storage.uploads
  results      = module.storage.results
  functions    = module.conversion.functions
}
