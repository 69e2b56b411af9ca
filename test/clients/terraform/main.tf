# A licence configuration and the association of one machine, as people write
# them. The test sets the variables and changes them from step to step.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "endpoint" { type = string }
variable "machine" { type = string }
variable "name" { type = string }
variable "description" {
  type    = string
  default = null
}
variable "license_count" { type = number }
variable "tags" { type = map(string) }

provider "aws" {
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  max_retries                 = 2

  endpoints {
    licensemanager = var.endpoint
  }
}

resource "aws_licensemanager_license_configuration" "windows" {
  name                     = var.name
  description              = var.description
  license_count            = var.license_count
  license_count_hard_limit = true
  license_counting_type    = "vCPU"
  license_rules            = ["#minimumVcpus=2", "#allowedTenancy=EC2-Default"]
  tags                     = var.tags
}

resource "aws_licensemanager_association" "web" {
  license_configuration_arn = aws_licensemanager_license_configuration.windows.arn
  resource_arn              = var.machine
}

output "arn" {
  value = aws_licensemanager_license_configuration.windows.arn
}

output "owner" {
  value = aws_licensemanager_license_configuration.windows.owner_account_id
}
