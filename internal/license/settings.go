package license

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
)

// ServiceSettingsChange is what UpdateServiceSettings changes; nil leaves a
// setting as it is.
type ServiceSettingsChange struct {
	S3BucketARN, SNSTopicARN           *string
	Integration, CrossAccountDiscovery *bool
	SourceRegions                      []string
}

// servicePrefix begins the name of every bucket and topic that AWS's service
// role may use.
const servicePrefix = "aws-license-manager-service-"

const maxSourceRegions = 100

// ServiceSettings returns the settings of the caller's account and region.
func (m *Manager) ServiceSettings(ctx context.Context, who Caller) (s ServiceSettings, err error) {
	err = m.store.View(ctx, func(tx Tx) error {
		if s, err = tx.Settings(who.Account, who.Region); err != nil {
			return err
		}
		o, err := tx.Organization(who.Account)
		if err != nil || !o.administers(who.Account) {
			s.Integration, s.CrossAccountDiscovery = false, false
			return err
		}
		own, err := switches(tx, o, who.Region)
		s.Integration, s.CrossAccountDiscovery = own.Integration, own.CrossAccountDiscovery
		if s.Integration {
			s.ResourceShareARN = o.resourceShareARN(who.Region)
		}
		return err
	})
	return s, err
}

// resourceShareARN names what an integrated organization shares in a region, in
// the form of AWS's Resource Access Manager.
func (o *Organization) resourceShareARN(region string) string {
	sum := sha256.Sum256([]byte(o.ID + " " + region))
	id := hex.EncodeToString(sum[:16])
	return fmt.Sprintf("arn:aws:ram:%s:%s:resource-share/%s-%s-%s-%s-%s", region, o.Management, id[:8], id[8:12], id[12:16], id[16:20], id[20:])
}

// UpdateServiceSettings changes settings of the caller's account and region.
func (m *Manager) UpdateServiceSettings(ctx context.Context, who Caller, change ServiceSettingsChange) error {
	if err := change.check(); err != nil {
		return err
	}
	err := m.store.Update(ctx, func(tx Tx) error {
		if change.SourceRegions != nil {
			if err := changeRules(tx, who.Account); err != nil {
				return err
			}
		}
		if err := m.changeSwitches(tx, who, change); err != nil {
			return err
		}
		s, err := tx.Settings(who.Account, who.Region)
		if err != nil {
			return err
		}
		set(&s.S3BucketARN, change.S3BucketARN)
		set(&s.SNSTopicARN, change.SNSTopicARN)
		setList(&s.SourceRegions, change.SourceRegions)
		if err := tx.SaveSettings(who.Account, who.Region, s); err != nil || change.SourceRegions == nil {
			return err
		}
		return m.passAll(tx, who, func(d Discovering) bool { return d.Region == who.Region })
	})
	if err == nil {
		m.wake()
	}
	return err
}

// changeSwitches changes what holds for the whole organization in a region:
// whether it is integrated, and whether discovery looks at the machines of its
// members. Its administrators may; for everybody else both are off.
func (m *Manager) changeSwitches(tx Tx, who Caller, change ServiceSettingsChange) error {
	if change.Integration == nil && change.CrossAccountDiscovery == nil {
		return nil
	}
	o, err := administered(tx, who)
	if KindOf(err) == AccessDenied && !isTrue(change.Integration) && !isTrue(change.CrossAccountDiscovery) {
		return nil // off as it was
	}
	if err != nil {
		return err
	}
	if err := changeRulesOf(tx, o.administrators()); err != nil {
		return err
	}
	if o, err = lockOrganization(tx, o.ID); err != nil {
		return err
	}
	if !o.administers(who.Account) {
		return refuse(Conflict, "The organization has changed meanwhile. Try again.")
	}
	s, err := switches(tx, o, who.Region)
	if err != nil {
		return err
	}
	set(&s.Integration, change.Integration)
	set(&s.CrossAccountDiscovery, change.CrossAccountDiscovery)
	if err := s.checkSwitches(tx, o, who.Region); err != nil {
		return err
	}
	if err := tx.SaveSettings(o.Management, who.Region, s); err != nil {
		return err
	}
	return m.passAdministrators(tx, o)
}

func isTrue(b *bool) bool { return b != nil && *b }

// checkSwitches refuses switches that contradict each other, or what is shared.
func (s *ServiceSettings) checkSwitches(tx Tx, o *Organization, region string) error {
	if s.Integration {
		return nil
	}
	if s.CrossAccountDiscovery {
		return refuse(InvalidParameter, "EnableCrossAccountsDiscovery needs OrganizationConfiguration.EnableIntegration: set both, or switch both off.")
	}
	n, err := tx.SharesWith(o.ID, region, 1)
	if err == nil && n > 0 {
		err = refuse(Conflict, "License configurations of %s are shared with the organization. Unshare them before you switch its integration off.", region)
	}
	return err
}

func (ch *ServiceSettingsChange) check() error {
	if err := checkServiceARN("S3BucketArn", "arn:aws:s3:::aws-license-manager-service-NAME", bucketARN, ch.S3BucketARN); err != nil {
		return err
	}
	if err := checkServiceARN("SnsTopicArn", "arn:aws:sns:us-east-1:123456789012:aws-license-manager-service-NAME", topicARN, ch.SNSTopicARN); err != nil {
		return err
	}
	if len(ch.SourceRegions) > maxSourceRegions {
		return refuse(InvalidParameter, "EnabledDiscoverySourceRegions has %d entries, at most %d are allowed.", len(ch.SourceRegions), maxSourceRegions)
	}
	for _, r := range ch.SourceRegions {
		if !validRegion(r) {
			return refuse(InvalidParameter, "Invalid region %q in EnabledDiscoverySourceRegions.", clip(r))
		}
	}
	return nil
}

// The ARNs of what a License Manager may be told to use: a bucket's has neither
// region nor account.
var (
	bucketARN = regexp.MustCompile(`^arn:aws(-[a-z]+)*:s3:::` + servicePrefix + `[a-z0-9.-]*[a-z0-9]$`)
	topicARN  = regexp.MustCompile(`^arn:aws(-[a-z]+)*:sns:[a-z]{2,}(-[a-z]+)+-[0-9]+:[0-9]{12}:` + servicePrefix + `[A-Za-z0-9_-]+(\.fifo)?$`)
)

// checkServiceARN takes an empty ARN, which clears the setting, or one of the
// given form, whose name begins as AWS demands.
func checkServiceARN(member, example string, form *regexp.Regexp, arn *string) error {
	if arn == nil || *arn == "" || len(*arn) <= maxARN && form.MatchString(*arn) {
		return nil
	}
	return refuse(InvalidParameter, "Invalid %s %q. Expected an ARN like %s: the name begins with %s.", member, clip(*arn), example, servicePrefix)
}
