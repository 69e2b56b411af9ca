package license

import (
	"strconv"
	"strings"
)

// ResourceARN is the parsed name of a resource that can use licences.
type ResourceARN struct {
	Type    ResourceType
	Region  string
	Account string // "" for images, whose ARN has no account
	ID      string // last part: i-…, h-…, ami-…, mi-… or a database's name
}

// maxARN is the longest ARN that AWS's Arn shape allows.
const maxARN = 2048

// arnForms lists how each type's ARN goes on after the partition.
var arnForms = []struct {
	kind            ResourceType
	service, prefix string // prefix of the resource part
	id              string // prefix of the ID
}{
	{EC2Instance, "ec2", "instance/", "i-"},
	{EC2Host, "ec2", "dedicated-host/", "h-"},
	{EC2AMI, "ec2", "image/", "ami-"},
	{RDS, "rds", "db:", ""},
	{ManagedInstance, "ssm", "managed-instance/", "mi-"},
}

// ParseResourceARN reads the ARN of an instance, dedicated host, image, RDS
// database or managed instance. The error is a refusal that names the forms.
func ParseResourceARN(arn string) (ResourceARN, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(arn) <= maxARN && len(parts) == 6 && parts[0] == "arn" && validPartition(parts[1]) && validRegion(parts[3]) {
		for _, form := range arnForms {
			id, ok := strings.CutPrefix(parts[5], form.prefix)
			if !ok || parts[2] != form.service || !strings.HasPrefix(id, form.id) || !validID(id[len(form.id):]) {
				continue
			}
			if form.kind != EC2AMI && validAccount(parts[4]) || form.kind == EC2AMI && parts[4] == "" {
				return ResourceARN{Type: form.kind, Region: parts[3], Account: parts[4], ID: id}, nil
			}
		}
	}
	return ResourceARN{}, refuse(InvalidParameter, "Invalid resource ARN: %s. Expected the ARN of an EC2 instance, dedicated host or image (an image's has no account), an RDS database, or a Systems Manager managed instance.", clip(arn))
}

// parseConfigurationARN takes a configuration's ARN apart; ok is false for
// anything else.
func parseConfigurationARN(arn string) (region, account, id string, ok bool) {
	parts := strings.Split(arn, ":")
	if len(arn) > maxARN || len(parts) != 7 || parts[0] != "arn" || !validPartition(parts[1]) ||
		parts[2] != "license-manager" || parts[5] != "license-configuration" {
		return "", "", "", false
	}
	return parts[3], parts[4], parts[6], true
}

func validPartition(s string) bool {
	return s == "aws" || len(s) <= 32 && strings.HasPrefix(s, "aws-") && onlyBytes(s, isLower, "-")
}

func validRegion(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && onlyBytes(s, isLowerDigit, "-")
}

func validAccount(s string) bool { return len(s) == 12 && onlyBytes(s, isDigit, "") }

func validID(s string) bool {
	return len(s) >= 1 && len(s) <= 255 && onlyBytes(s, isLetterDigit, "-_.")
}

func isDigit(c byte) bool      { return c >= '0' && c <= '9' }
func isLower(c byte) bool      { return c >= 'a' && c <= 'z' }
func isLowerDigit(c byte) bool { return isLower(c) || isDigit(c) }

func isLetterDigit(c byte) bool { return isLowerDigit(c) || c >= 'A' && c <= 'Z' }

// onlyBytes reports whether s has no byte that is neither ok nor one of also.
func onlyBytes(s string, ok func(byte) bool, also string) bool {
	for i := range len(s) {
		if !ok(s[i]) && strings.IndexByte(also, s[i]) < 0 {
			return false
		}
	}
	return true
}

// zeroOwner stands for the account 000000000000, which test environments like
// to use: as a number, 0 is no account.
const zeroOwner = 1_000_000_000_000

// ownerNumber is an account's 12 digits as the number that keys carry; 0 for
// anything that is no account.
func ownerNumber(account string) int64 {
	if !validAccount(account) {
		return 0
	}
	n, _ := strconv.ParseInt(account, 10, 64)
	if n == 0 {
		return zeroOwner
	}
	return n
}

// AccountOf returns the 12 digits of a key's owner.
func AccountOf(owner int64) string {
	const digits = 12
	s := strings.Repeat("0", digits) + strconv.FormatInt(owner, 10)
	return s[len(s)-digits:]
}

// clip bounds what a message echoes of somebody's input.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
