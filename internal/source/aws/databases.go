package aws

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"reeve/internal/license"
)

const databasesPerPage = 100

// readDatabases reads the RDS database instances of a part.
func (p *part) readDatabases(ctx context.Context) error {
	return pages(ctx, func(token *string) (*string, error) {
		page, err := p.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{MaxRecords: aws.Int32(databasesPerPage), Marker: token})
		if err != nil {
			return nil, err
		}
		return page.Marker, p.passDatabases(ctx, page.DBInstances)
	})
}

func (p *part) passDatabases(ctx context.Context, databases []types.DBInstance) error {
	var names []string
	for i := range databases {
		names = append(names, typeOfClass(aws.ToString(databases[i].DBInstanceClass)))
	}
	sizes, err := p.types.of(ctx, p.ec2, names)
	if err != nil {
		return err
	}
	if err := p.loadPacks(ctx, databases); err != nil {
		return err
	}
	reports := make([]license.Report, 0, len(databases))
	for i := range databases {
		reports = append(reports, p.database(&databases[i], sizes))
	}
	return p.handOver(ctx, reports)
}

// typeOfClass is the EC2 instance type with the processors of a database
// class: db.r5.4xlarge and db.r5.4xlarge.tpc2.mem4x have those of r5.4xlarge.
func typeOfClass(class string) string {
	parts := strings.Split(class, ".")
	if len(parts) < 3 || parts[0] != "db" {
		return ""
	}
	return parts[1] + "." + parts[2]
}

func (p *part) database(d *types.DBInstance, sizes map[string]size) license.Report {
	edition := editionOf(aws.ToString(d.Engine))
	r := license.Report{
		ARN:             aws.ToString(d.DBInstanceArn),
		Status:          text(aws.ToString(d.DBInstanceStatus)),
		Name:            text(aws.ToString(d.DBInstanceIdentifier)),
		InstanceType:    text(aws.ToString(d.DBInstanceClass)),
		EngineEdition:   text(edition),
		PlatformVersion: text(aws.ToString(d.EngineVersion)),
		LicenseIncluded: databaseIncludes(d, edition),
		LicensePacks:    p.packsOf(d),
		Tags:            databaseTags(d.TagList),
	}
	known := sizes[typeOfClass(aws.ToString(d.DBInstanceClass))]
	r.VCPUs, r.Cores, r.ThreadsPerCore = number(known.vcpus), number(known.cores), number(known.threadsPerCore)
	setProcessor(&r, d.ProcessorFeatures)
	return r
}

// editionOf is an engine's edition as the discovery filter Engine Edition
// spells it: container databases and RDS Custom have that of the database
// without them.
func editionOf(engine string) string {
	if plain := strings.TrimPrefix(engine, "custom-"); strings.HasPrefix(plain, "oracle-") {
		return strings.TrimSuffix(plain, "-cdb")
	}
	return engine
}

// databaseIncludes is the edition when its licence is in the price.
func databaseIncludes(d *types.DBInstance, edition string) []string {
	switch aws.ToString(d.LicenseModel) {
	case "license-included", "marketplace-license":
		return []string{edition}
	}
	return []string{}
}

// setProcessor takes the cores and threads that a database was given instead
// of its class's.
func setProcessor(r *license.Report, features []types.ProcessorFeature) {
	for _, f := range features {
		n, err := strconv.ParseInt(aws.ToString(f.Value), 10, 32)
		if err != nil || n <= 0 {
			continue
		}
		switch aws.ToString(f.Name) {
		case "coreCount":
			r.Cores = &n
		case "threadsPerCore":
			r.ThreadsPerCore = &n
		}
	}
}

func databaseTags(tags []types.Tag) []license.Tag {
	list := make([]license.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, license.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	return list
}

// Licence packs as the discovery filter License Pack spells them.
const (
	packGuard      = "data guard"
	packDiagnostic = "diagnostic pack sqlt"
	packTuning     = "tuning pack sqlt"
	packLabel      = "ols"
	packOLAP       = "olap"
)

// packsOf are the packs that a database uses: those of its option groups, and
// Active Data Guard where it is a replica that is open for reading.
func (p *part) packsOf(d *types.DBInstance) []string {
	packs := []string{}
	for _, g := range d.OptionGroupMemberships {
		packs = append(packs, p.packs[aws.ToString(g.OptionGroupName)]...)
	}
	if isOracle(d) && d.ReplicaMode == types.ReplicaModeOpenReadOnly {
		packs = append(packs, packGuard)
	}
	slices.Sort(packs)
	return slices.Compact(packs)
}

func isOracle(d *types.DBInstance) bool {
	return strings.HasPrefix(editionOf(aws.ToString(d.Engine)), "oracle-")
}

// loadPacks reads the region's option groups once, when there is an Oracle
// database that may use one.
func (p *part) loadPacks(ctx context.Context, databases []types.DBInstance) error {
	if p.packs != nil || !slices.ContainsFunc(databases, func(d types.DBInstance) bool { return isOracle(&d) }) {
		return nil
	}
	packs := map[string][]string{}
	err := pages(ctx, func(token *string) (*string, error) {
		page, err := p.rds.DescribeOptionGroups(ctx, &rds.DescribeOptionGroupsInput{MaxRecords: aws.Int32(databasesPerPage), Marker: token})
		if err != nil {
			return nil, err
		}
		for _, g := range page.OptionGroupsList {
			for i := range g.Options {
				name := aws.ToString(g.OptionGroupName)
				packs[name] = append(packs[name], packsOfOption(&g.Options[i])...)
			}
		}
		return page.Marker, nil
	})
	if err == nil {
		p.packs = packs
	}
	return err
}

// packsOfOption says which packs an option needs. SQLT has a setting for it: T
// for the Tuning and Diagnostic Packs, D for the latter alone.
func packsOfOption(o *types.Option) []string {
	switch aws.ToString(o.OptionName) {
	case "OLS":
		return []string{packLabel}
	case "OLAP":
		return []string{packOLAP}
	case "SQLT":
		switch optionSetting(o, "LICENSE_PACK") {
		case "T":
			return []string{packDiagnostic, packTuning}
		case "D":
			return []string{packDiagnostic}
		}
	}
	return nil
}

func optionSetting(o *types.Option, name string) string {
	for _, s := range o.OptionSettings {
		if aws.ToString(s.Name) == name {
			return aws.ToString(s.Value)
		}
	}
	return ""
}
