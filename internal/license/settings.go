package license

import (
	"context"
	"strings"
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
		s, err = tx.Settings(who.Account, who.Region)
		return err
	})
	return s, err
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
		s, err := tx.Settings(who.Account, who.Region)
		if err != nil {
			return err
		}
		set(&s.S3BucketARN, change.S3BucketARN)
		set(&s.SNSTopicARN, change.SNSTopicARN)
		set(&s.Integration, change.Integration)
		set(&s.CrossAccountDiscovery, change.CrossAccountDiscovery)
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

func (ch *ServiceSettingsChange) check() error {
	if err := checkServiceARN("S3BucketArn", ":s3:::", ch.S3BucketARN); err != nil {
		return err
	}
	if err := checkServiceARN("SnsTopicArn", ":sns:", ch.SNSTopicARN); err != nil {
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

// checkServiceARN takes an empty ARN, which clears the setting, or one of the
// given service whose name begins as AWS demands.
func checkServiceARN(member, service string, arn *string) error {
	if arn == nil || *arn == "" {
		return nil
	}
	name := (*arn)[strings.LastIndexByte(*arn, ':')+1:]
	if len(*arn) > maxARN || !strings.HasPrefix(*arn, "arn:aws") || !strings.Contains(*arn, service) || !strings.HasPrefix(name, servicePrefix) {
		return refuse(InvalidParameter, "Invalid %s %q. Expected an ARN whose name begins with %s.", member, clip(*arn), servicePrefix)
	}
	return checkText(member, *arn, 1, maxARN)
}
