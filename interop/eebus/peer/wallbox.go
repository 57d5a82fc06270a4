package main

import (
	"errors"
	"slices"
	"time"

	"github.com/enbility/eebus-go/features/client"
	"github.com/enbility/eebus-go/features/server"
	spineapi "github.com/enbility/spine-go/api"
	"github.com/enbility/spine-go/model"
	"github.com/enbility/spine-go/spine"
	"github.com/enbility/spine-go/util"
)

// wallbox is an EVSE whose car is an entity while it is plugged in: the side of EVSECC, EVCC, EVCEM, OPEV, OSCEV and EVSOC that the library
// does not have, built on its SPINE part.
type wallbox struct {
	node    *node
	box     *spine.EntityLocal
	car     *spine.EntityLocal
	flow    *measured
	limited map[model.LoadControlLimitIdType]limitOf
}

// limitOf says which use case and phase a limit of the car belongs to.
type limitOf struct {
	useCase string
	phase   int
}

const (
	leastA, mostA, pauseA   = 6.0, 16.0, 0.0
	leastW, mostW, standbyW = 4140.0, 11040.0, 10.0
)

func newWallbox(n *node, beat time.Duration) role {
	w := &wallbox{node: n, box: n.entity(model.EntityTypeTypeEVSE, beat, guardBeat)}
	w.box.GetOrAddFeature(model.FeatureTypeTypeDeviceDiagnosis, model.RoleTypeClient)
	maker := w.box.GetOrAddFeature(model.FeatureTypeTypeDeviceClassification, model.RoleTypeServer)
	maker.AddFunctionType(model.FunctionTypeDeviceClassificationManufacturerData, true, false)
	maker.SetData(model.FunctionTypeDeviceClassificationManufacturerData, manufacturer("Wallbox"))
	w.state(w.box, model.DeviceDiagnosisOperatingStateTypeNormalOperation)
	n.device.AddEntity(w.box)
	w.box.AddUseCaseSupport(model.UseCaseActorTypeEVSE, model.UseCaseNameTypeEVSECommissioningAndConfiguration, "1.0.1", release, true,
		[]model.UseCaseScenarioSupportType{1, 2})
	must(spine.Events.Subscribe(w))
	return w
}

func manufacturer(name string) *model.DeviceClassificationManufacturerDataType {
	return &model.DeviceClassificationManufacturerDataType{
		DeviceName: util.Ptr(model.DeviceClassificationStringType(name)), BrandName: util.Ptr(model.DeviceClassificationStringType(brand)),
		SerialNumber: util.Ptr(model.DeviceClassificationStringType("4711")),
	}
}

func (w *wallbox) state(entity *spine.EntityLocal, state model.DeviceDiagnosisOperatingStateType) {
	feature := entity.GetOrAddFeature(model.FeatureTypeTypeDeviceDiagnosis, model.RoleTypeServer)
	feature.AddFunctionType(model.FunctionTypeDeviceDiagnosisStateData, true, false)
	feature.SetData(model.FunctionTypeDeviceDiagnosisStateData, &model.DeviceDiagnosisStateDataType{OperatingState: &state})
}

// plug adds a car. standard: iec61851, iso15118-2ed1 ...; values: soc_percent where the car tells it.
func (w *wallbox) plug(standard string, values map[string]float64) error {
	if w.car != nil {
		return errors.New("a car is there already")
	}
	car := w.node.entity(model.EntityTypeTypeEV, 0, cemBeat, w.box.Address().Entity[0], 1)
	maker := car.GetOrAddFeature(model.FeatureTypeTypeDeviceClassification, model.RoleTypeServer)
	maker.AddFunctionType(model.FunctionTypeDeviceClassificationManufacturerData, true, false)
	maker.SetData(model.FunctionTypeDeviceClassificationManufacturerData, manufacturer("Car"))
	w.state(car, model.DeviceDiagnosisOperatingStateTypeNormalOperation)

	configuration := car.GetOrAddFeature(model.FeatureTypeTypeDeviceConfiguration, model.RoleTypeServer)
	configuration.AddFunctionType(model.FunctionTypeDeviceConfigurationKeyValueDescriptionListData, true, false)
	configuration.AddFunctionType(model.FunctionTypeDeviceConfigurationKeyValueListData, true, false)
	keys, err := server.NewDeviceConfiguration(car)
	if err != nil {
		return err
	}
	for _, key := range []struct {
		name  model.DeviceConfigurationKeyNameType
		kind  model.DeviceConfigurationKeyValueTypeType
		value model.DeviceConfigurationKeyValueValueType
	}{
		{model.DeviceConfigurationKeyNameTypeCommunicationsStandard, model.DeviceConfigurationKeyValueTypeTypeString,
			model.DeviceConfigurationKeyValueValueType{String: util.Ptr(model.DeviceConfigurationKeyValueStringType(standard))}},
		{model.DeviceConfigurationKeyNameTypeAsymmetricChargingSupported, model.DeviceConfigurationKeyValueTypeTypeBoolean,
			model.DeviceConfigurationKeyValueValueType{Boolean: util.Ptr(false)}},
	} {
		id := keys.AddKeyValueDescription(model.DeviceConfigurationKeyValueDescriptionDataType{KeyName: &key.name, ValueType: &key.kind})
		if id == nil {
			return errors.New("no key")
		}
		if err := keys.UpdateKeyValueDataForKeyId(model.DeviceConfigurationKeyValueDataType{Value: &key.value}, nil, *id); err != nil {
			return err
		}
	}

	identification := car.GetOrAddFeature(model.FeatureTypeTypeIdentification, model.RoleTypeServer)
	identification.AddFunctionType(model.FunctionTypeIdentificationListData, true, false)
	identification.SetData(model.FunctionTypeIdentificationListData, &model.IdentificationListDataType{
		IdentificationData: []model.IdentificationDataType{{
			IdentificationId:    util.Ptr(model.IdentificationIdType(0)),
			IdentificationType:  util.Ptr(model.IdentificationTypeTypeEui48),
			IdentificationValue: util.Ptr(model.IdentificationValueType("01:02:03:04:05:06")),
		}},
	})

	// Currents first: readers take the first parameter of a phase for that of its limits.
	quantities := slices.Concat(currents, powers, []quantity{energy("energy_wh", model.ScopeTypeTypeCharge)})
	_, tellsSoc := values["soc_percent"]
	if tellsSoc {
		quantities = append(quantities, quantity{
			"soc_percent", model.MeasurementTypeTypePercentage, model.UnitOfMeasurementTypepct, model.ScopeTypeTypeStateOfCharge, "",
		})
	}
	if w.flow, err = newMeasured(car, quantities); err != nil {
		return err
	}
	if err := w.limits(car); err != nil {
		return err
	}
	if err := w.flow.put(values); err != nil {
		return err
	}
	w.car = car
	w.node.device.AddEntity(car)
	actor, add := model.UseCaseActorTypeEV, car.AddUseCaseSupport
	add(actor, model.UseCaseNameTypeEVCommissioningAndConfiguration, "1.0.1", release, true, []model.UseCaseScenarioSupportType{1, 2, 3, 4, 5, 6, 7, 8})
	add(actor, model.UseCaseNameTypeMeasurementOfElectricityDuringEVCharging, "1.0.1", release, true, []model.UseCaseScenarioSupportType{1, 2, 3})
	add(actor, model.UseCaseNameTypeOverloadProtectionByEVChargingCurrentCurtailment, "1.0.1", release, true, []model.UseCaseScenarioSupportType{1, 2, 3})
	add(actor, model.UseCaseNameTypeOptimizationOfSelfConsumptionDuringEVCharging, "1.0.1", release, true, []model.UseCaseScenarioSupportType{1, 2, 3})
	if tellsSoc {
		add(actor, model.UseCaseNameTypeEVStateOfCharge, "1.0.0", release, true, []model.UseCaseScenarioSupportType{1})
	}
	return nil
}

// limits are what OPEV and OSCEV write: one for each use case and phase, and between which currents they may be.
func (w *wallbox) limits(car *spine.EntityLocal) error {
	load := car.GetOrAddFeature(model.FeatureTypeTypeLoadControl, model.RoleTypeServer)
	load.AddFunctionType(model.FunctionTypeLoadControlLimitDescriptionListData, true, false)
	load.AddFunctionType(model.FunctionTypeLoadControlLimitListData, true, true)
	control, err := server.NewLoadControl(car)
	if err != nil {
		return err
	}
	w.limited = map[model.LoadControlLimitIdType]limitOf{}
	connection := car.GetOrAddFeature(model.FeatureTypeTypeElectricalConnection, model.RoleTypeServer)
	connection.AddFunctionType(model.FunctionTypeElectricalConnectionPermittedValueSetListData, true, false)
	permitted := []model.ElectricalConnectionPermittedValueSetDataType{}
	for phase, letter := range phaseLetters {
		name := "current_a_" + letter
		permitted = append(permitted, permittedSet(w.flow.parameters[name], leastA, mostA, pauseA))
		for _, one := range []struct {
			useCase  string
			category model.LoadControlCategoryType
			scope    model.ScopeTypeType
		}{
			{"opev", model.LoadControlCategoryTypeObligation, model.ScopeTypeTypeOverloadProtection},
			{"oscev", model.LoadControlCategoryTypeRecommendation, model.ScopeTypeTypeSelfConsumption},
		} {
			id := control.AddLimitDescription(model.LoadControlLimitDescriptionDataType{
				LimitType: util.Ptr(model.LoadControlLimitTypeTypeMaxValueLimit), LimitCategory: &one.category,
				LimitDirection: util.Ptr(model.EnergyDirectionTypeConsume), MeasurementId: util.Ptr(w.flow.ids[name]),
				Unit: util.Ptr(model.UnitOfMeasurementTypeA), ScopeType: &one.scope,
			})
			if id == nil {
				return errors.New("no limit")
			}
			w.limited[*id] = limitOf{one.useCase, phase}
			data := model.LoadControlLimitDataType{
				IsLimitChangeable: util.Ptr(true), IsLimitActive: util.Ptr(false), Value: model.NewScaledNumberType(mostA),
			}
			if err := control.UpdateLimitDataForId(data, nil, *id); err != nil {
				return err
			}
		}
	}
	described, err := server.NewElectricalConnection(car)
	if err != nil {
		return err
	}
	total := described.AddParameterDescription(model.ElectricalConnectionParameterDescriptionDataType{
		ElectricalConnectionId: util.Ptr(model.ElectricalConnectionIdType(0)), ScopeType: util.Ptr(model.ScopeTypeTypeACPowerTotal),
		VoltageType: util.Ptr(model.ElectricalConnectionVoltageTypeTypeAc),
	})
	if total != nil {
		permitted = append(permitted, permittedSet(*total, leastW, mostW, standbyW))
	}
	connection.SetData(model.FunctionTypeElectricalConnectionPermittedValueSetListData,
		&model.ElectricalConnectionPermittedValueSetListDataType{ElectricalConnectionPermittedValueSetData: permitted})
	return nil
}

func permittedSet(parameter model.ElectricalConnectionParameterIdType, least, most, pause float64) model.ElectricalConnectionPermittedValueSetDataType {
	return model.ElectricalConnectionPermittedValueSetDataType{
		ElectricalConnectionId: util.Ptr(model.ElectricalConnectionIdType(0)), ParameterId: &parameter,
		PermittedValueSet: []model.ScaledNumberSetType{{
			Value: []model.ScaledNumberType{*model.NewScaledNumberType(pause)},
			Range: []model.ScaledNumberRangeType{{Min: model.NewScaledNumberType(least), Max: model.NewScaledNumberType(most)}},
		}},
	}
}

// HandleEvent tells what the other side writes and how its heart beats.
func (w *wallbox) HandleEvent(payload spineapi.EventPayload) {
	switch data := payload.Data.(type) {
	case *model.LoadControlLimitListDataType:
		if payload.LocalFeature != nil && payload.CmdClassifier != nil && *payload.CmdClassifier == model.CmdClassifierTypeWrite {
			w.tellLimits(payload.Ski)
		}
	case *model.DeviceDiagnosisHeartbeatDataType:
		told := line{"event": "heartbeat", "ski": payload.Ski, "entity": addressOf(payload.Entity)}
		if data.HeartbeatCounter != nil {
			told["counter"] = *data.HeartbeatCounter
		}
		say(told)
	case *model.DeviceDiagnosisStateDataType:
		if data.OperatingState != nil {
			say(line{"event": "state", "ski": payload.Ski, "state": string(*data.OperatingState)})
		}
	}
	if payload.EventType == spineapi.EventTypeEntityChange && payload.ChangeType == spineapi.ElementChangeAdd && payload.Entity != nil &&
		payload.Entity.EntityType() == model.EntityTypeTypeCEM {
		w.listen(payload.Entity)
	}
}

// listen subscribes to the heartbeat of an energy manager, as OPEV scenario 2 has it.
func (w *wallbox) listen(entity spineapi.EntityRemoteInterface) {
	diagnosis, err := client.NewDeviceDiagnosis(w.box, entity)
	if err != nil {
		return
	}
	if !diagnosis.HasSubscription() {
		_, _ = diagnosis.Subscribe()
	}
	_, _ = diagnosis.RequestHeartbeat()
	_, _ = diagnosis.RequestState()
}

func (w *wallbox) tellLimits(ski string) {
	car := w.car
	if car == nil {
		return
	}
	control, err := server.NewLoadControl(car)
	if err != nil {
		return
	}
	told := line{"event": "currents", "ski": ski}
	for _, useCase := range []string{"opev", "oscev"} {
		values, active := make([]float64, 3), make([]bool, 3)
		for id, of := range w.limited {
			if of.useCase != useCase {
				continue
			}
			if data, err := control.GetLimitDataForId(id); err == nil && data.Value != nil && data.IsLimitActive != nil {
				values[of.phase], active[of.phase] = data.Value.GetValue(), *data.IsLimitActive
			}
		}
		told[useCase] = line{"currents_a": values, "active": active}
	}
	say(told)
}

func (w *wallbox) do(c command) bool {
	switch c.Do {
	case "plug":
		answer(c, nil, w.plug(c.Text, c.Values))
	case "unplug":
		if w.car == nil {
			answer(c, nil, errors.New("no car is there"))
			return true
		}
		w.node.device.RemoveEntity(w.car)
		w.car, w.flow = nil, nil
		answer(c, nil, nil)
	case "measure":
		if w.flow == nil {
			answer(c, nil, errors.New("no car is there"))
			return true
		}
		answer(c, nil, w.flow.put(c.Values))
	case "state": // of: box or car
		entity := w.box
		if c.Of == "car" {
			entity = w.car
		}
		if entity == nil {
			answer(c, nil, errors.New("no car is there"))
			return true
		}
		w.state(entity, model.DeviceDiagnosisOperatingStateType(c.Text))
		answer(c, nil, nil)
	default:
		return false
	}
	return true
}
