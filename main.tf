# The way of one image, in the order in which it travels.

# A client puts an upload into one bucket and reads its results from the other.
module "storage" {
  source = "./modules/storage"

  name            = var.name
  surroundings    = local.surroundings
  uploads         = var.uploads
  results         = var.results
  workflow        = var.workflow
  allowed_origins = concat(var.allowed_origins, flatten(values(module.upload_api)[*].page_origins))
  force_destroy   = var.force_destroy
}

# One call answers with an upload form and a status URL, where nobody else issues them.
module "upload_api" {
  source   = "./modules/upload_api"
  for_each = nonsensitive(var.upload_api == null) ? {} : { api = var.upload_api }

  name               = var.name
  surroundings       = local.surroundings
  upload_api         = each.value
  package            = local.package
  signer_policy_json = module.storage.signer_policy_json
  signer_environment = local.signer_environment
  allowed_origins    = var.allowed_origins
}

# "Object Created" under the uploads prefix starts one execution, or is kept.
module "trigger" {
  source = "./modules/trigger"

  name          = var.name
  surroundings  = local.surroundings
  workflow      = var.workflow
  uploads       = module.storage.uploads
  state_machine = module.workflow.state_machine
  ended_rules   = module.workflow.ended_rules
}

# The execution converts the upload and announces the outcome, also when it fails.
module "workflow" {
  source = "./modules/workflow"

  name         = var.name
  surroundings = local.surroundings
  workflow     = var.workflow
  functions    = module.conversion.functions
  dead_letters = module.trigger.dead_letters
}

# The functions that read the upload, write the renditions and the status document.
module "conversion" {
  source = "./modules/conversion"

  name         = var.name
  surroundings = local.surroundings
  package      = local.package
  uploads      = module.storage.uploads
  results      = module.storage.results
  renditions   = var.renditions
  limits       = var.limits
  workflow     = { trigger = var.workflow.trigger, start_role_arn = module.trigger.start_role_arn }
  conversion   = var.conversion
  dead_letters = module.trigger.dead_letters
}

# Whoever is on call hears of trouble and sees every step of the way on one page.
module "monitoring" {
  source   = "./modules/monitoring"
  for_each = nonsensitive(var.monitoring == null) ? {} : { on = var.monitoring }

  name          = var.name
  surroundings  = local.surroundings
  monitoring    = each.value
  uploads       = var.uploads
  upload_api    = one(values(module.upload_api)[*].upload_api)
  upload_rule   = module.trigger.upload_rule
  dead_letters  = module.trigger.dead_letters
  state_machine = merge(module.workflow.state_machine, { remake = one(local._remakes) })
  ended_rules   = module.workflow.ended_rules
  functions     = module.conversion.functions
}
