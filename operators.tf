# Beside the way of the image: what people need who look after it.

module "operators" {
  source = "./modules/operators"

  surroundings = local.surroundings
  uploads      = module.storage.uploads
  results      = module.storage.results
  remake       = one(values(module.remake)[*].remake)

  rules         = { upload = module.trigger.upload_rule, ended = module.workflow.ended_rules }
  dead_letters  = module.trigger.dead_letters
  state_machine = module.workflow.state_machine
  functions     = module.conversion.functions
  roles = {
    start_execution = module.trigger.start_role_arn
    others          = concat([module.workflow.role_arn], module.conversion.role_arns, values(module.remake)[*].role_arn)
  }
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
