variable "name" {
  type        = string
  description = "Prefix of every resource name."
  default     = "local"
}

variable "package_file" {
  type        = string
  description = "Zip with the functions, built for this machine."
}

variable "renditions" {
  type        = any
  description = "As in the module; the sample shows one of each kind."

  default = {
    thumbnail = { width_px = 240, height_px = 240, fit = "cover", format = "webp" }
    card      = { width_px = 640, height_px = 360, fit = "cover", position = "top", format = "avif" }
    square    = { width_px = 480, height_px = 480, fit = "contain", background = "#26333f", format = "jpeg" }
    large     = { width_px = 2560, height_px = 2560, format = "webp" }
  }
}

variable "workflow" {
  type        = any
  description = "As in the module."
  default     = {}
}

variable "conversion" {
  type        = any
  description = "As in the module."
  default     = {}
}

variable "upload_api" {
  type        = any
  description = "As in the module. Open to anybody who reaches the port, which is on loopback."
  default     = { authorization = "NONE", page = true }
}

variable "monitoring" {
  type        = any
  description = "As in the module."
  default     = {}
}

variable "uploads" {
  type        = any
  description = "As in the module."
  default     = {}
}

variable "results" {
  type        = any
  description = "As in the module."
  default     = {}
}

variable "limits" {
  type        = any
  description = "As in the module."
  default     = {}
}

variable "allowed_origins" {
  type        = list(string)
  description = "As in the module. By default where development servers of pages listen on this machine."

  default = [
    "http://localhost:3000", "http://localhost:4200", "http://localhost:5173", "http://localhost:8000",
    "http://localhost:8080", "http://127.0.0.1:3000", "http://127.0.0.1:4200", "http://127.0.0.1:5173",
    "http://127.0.0.1:8000", "http://127.0.0.1:8080",
  ]
}

variable "force_destroy" {
  type        = bool
  description = "As in the module; the laptop keeps nothing that would be missed."
  default     = true
}
