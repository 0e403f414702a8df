# Beside the way of the image: what people need who look after it.

module "operators" {
  source = "./modules/operators"

  name         = var.name
  surroundings = local.surroundings
  uploads      = module.storage.uploads
  results      = module.storage.results
}
