package aws

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// part is one account in one region.
type part struct {
	*pull
	place
	partition string

	ec2 *ec2.Client
	rds *rds.Client
	ssm *ssm.Client

	hostOwner    map[string]string   // by dedicated host: the account in its ARN
	hostsUnknown bool                // reading them failed
	images       map[string]bool     // that instances run, true when they were read
	packs        map[string][]string // by option group; nil until they are needed
	ssmFailed    error               // Systems Manager is not asked again after this
}

// split makes a part of each account and region.
func (p *pull) split(accounts []account, regions []string) []*part {
	var parts []*part
	for _, a := range accounts {
		for _, region := range regions {
			parts = append(parts, p.part(a, region))
		}
	}
	return parts
}

func (p *pull) part(a account, region string) *part {
	cfg := a.config.Copy()
	cfg.Region = region
	at := place{account: a.id, region: region, profile: p.settings.Profile}
	for _, role := range p.settings.RoleARNs {
		if roleAccount(role) == a.id {
			at.role = role
		}
	}
	return &part{
		pull: p, place: at, partition: a.partition,
		ec2: ec2.NewFromConfig(cfg, func(o *ec2.Options) { override(&o.BaseEndpoint, p.settings.endpoint("ec2")) }),
		rds: rds.NewFromConfig(cfg, func(o *rds.Options) { override(&o.BaseEndpoint, p.settings.endpoint("rds")) }),
		ssm: ssm.NewFromConfig(cfg, func(o *ssm.Options) { override(&o.BaseEndpoint, p.settings.endpoint("ssm")) }),

		hostOwner: map[string]string{}, images: map[string]bool{},
	}
}

func override(dst **string, address *string) {
	if address != nil {
		*dst = address
	}
}

// read reads everything in the part: hosts before the instances that run on
// them, so that the count finds them in the inventory. What fails leaves the
// rest going.
func (p *part) read(ctx context.Context) error {
	var failed []error
	for _, step := range []struct {
		kind string
		read func(context.Context) error
	}{
		{readHosts, p.readHosts},
		{readImages, p.readOwnImages},
		{readEC2, p.readInstances},
		{readImages, p.readUsedImages},
		{readSSM, p.readManaged},
		{readRDS, p.readDatabases},
	} {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.settings.reads(step.kind) {
			failed = append(failed, p.explain(step.read(ctx)))
		}
	}
	failed = append(failed, p.explain(p.ssmFailed))
	return errors.Join(failed...)
}

func (p *part) arn(service, resource string) string {
	return "arn:" + p.partition + ":" + service + ":" + p.region + ":" + p.account + ":" + resource
}
