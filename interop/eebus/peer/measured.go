package main

import (
	"fmt"

	"github.com/enbility/eebus-go/features/server"
	"github.com/enbility/spine-go/model"
	"github.com/enbility/spine-go/spine"
	"github.com/enbility/spine-go/util"
)

// quantity is one measurement of an entity, told as MPC, MGCP and the use cases of a car tell it.
type quantity struct {
	name   string
	kind   model.MeasurementTypeType
	unit   model.UnitOfMeasurementType
	scope  model.ScopeTypeType
	phases model.ElectricalConnectionPhaseNameType // "" where it has none
}

// measured is the measuring side of an entity, by names such as power_w; the library has only the reading side.
type measured struct {
	measurement *server.Measurement
	ids         map[string]model.MeasurementIdType
	parameters  map[string]model.ElectricalConnectionParameterIdType
}

var phaseLetters = []string{"a", "b", "c"}

// perPhase is a quantity for each phase: name_a, name_b, name_c.
func perPhase(name string, kind model.MeasurementTypeType, unit model.UnitOfMeasurementType, scope model.ScopeTypeType) []quantity {
	all := []quantity{}
	for _, letter := range phaseLetters {
		all = append(all, quantity{name + "_" + letter, kind, unit, scope, model.ElectricalConnectionPhaseNameType(letter)})
	}
	return all
}

var (
	totalPower = quantity{"power_w", model.MeasurementTypeTypePower, model.UnitOfMeasurementTypeW, model.ScopeTypeTypeACPowerTotal, "abc"}
	frequency  = quantity{"frequency_hz", model.MeasurementTypeTypeFrequency, model.UnitOfMeasurementTypeHz, model.ScopeTypeTypeACFrequency, ""}
	powers     = perPhase("power_w", model.MeasurementTypeTypePower, model.UnitOfMeasurementTypeW, model.ScopeTypeTypeACPower)
	currents   = perPhase("current_a", model.MeasurementTypeTypeCurrent, model.UnitOfMeasurementTypeA, model.ScopeTypeTypeACCurrent)
	voltages   = perPhase("voltage_v", model.MeasurementTypeTypeVoltage, model.UnitOfMeasurementTypeV, model.ScopeTypeTypeACVoltage)
)

func energy(name string, scope model.ScopeTypeType) quantity {
	return quantity{name, model.MeasurementTypeTypeEnergy, model.UnitOfMeasurementTypeWh, scope, ""}
}

func newMeasured(entity *spine.EntityLocal, quantities []quantity) (*measured, error) {
	feature := entity.GetOrAddFeature(model.FeatureTypeTypeMeasurement, model.RoleTypeServer)
	feature.AddFunctionType(model.FunctionTypeMeasurementDescriptionListData, true, false)
	feature.AddFunctionType(model.FunctionTypeMeasurementConstraintsListData, true, false)
	feature.AddFunctionType(model.FunctionTypeMeasurementListData, true, false)
	feature = entity.GetOrAddFeature(model.FeatureTypeTypeElectricalConnection, model.RoleTypeServer)
	feature.AddFunctionType(model.FunctionTypeElectricalConnectionDescriptionListData, true, false)
	feature.AddFunctionType(model.FunctionTypeElectricalConnectionParameterDescriptionListData, true, false)
	measurement, err := server.NewMeasurement(entity)
	if err != nil {
		return nil, err
	}
	connection, err := server.NewElectricalConnection(entity)
	if err != nil {
		return nil, err
	}
	err = connection.AddDescription(model.ElectricalConnectionDescriptionDataType{
		ElectricalConnectionId:  util.Ptr(model.ElectricalConnectionIdType(0)),
		PowerSupplyType:         util.Ptr(model.ElectricalConnectionVoltageTypeTypeAc),
		AcConnectedPhases:       util.Ptr(uint(3)),
		PositiveEnergyDirection: util.Ptr(model.EnergyDirectionTypeConsume),
	})
	if err != nil {
		return nil, err
	}
	m := &measured{measurement: measurement, ids: map[string]model.MeasurementIdType{}, parameters: map[string]model.ElectricalConnectionParameterIdType{}}
	for _, one := range quantities {
		id := measurement.AddDescription(model.MeasurementDescriptionDataType{
			MeasurementType: &one.kind, CommodityType: util.Ptr(model.CommodityTypeTypeElectricity), Unit: &one.unit, ScopeType: &one.scope,
		})
		if id == nil {
			return nil, fmt.Errorf("%s cannot be described", one.name)
		}
		m.ids[one.name] = *id
		parameter := model.ElectricalConnectionParameterDescriptionDataType{
			ElectricalConnectionId: util.Ptr(model.ElectricalConnectionIdType(0)), MeasurementId: id,
			VoltageType: util.Ptr(model.ElectricalConnectionVoltageTypeTypeAc),
		}
		if one.phases != "" {
			parameter.AcMeasuredPhases = &one.phases
			parameter.AcMeasurementVariant = util.Ptr(model.ElectricalConnectionMeasurandVariantTypeRms)
		}
		switch one.kind {
		case model.MeasurementTypeTypePower:
			parameter.AcMeasuredInReferenceTo = util.Ptr(model.ElectricalConnectionPhaseNameTypeNeutral)
			parameter.AcMeasurementType = util.Ptr(model.ElectricalConnectionAcMeasurementTypeTypeReal)
		case model.MeasurementTypeTypeVoltage:
			parameter.AcMeasuredInReferenceTo = util.Ptr(model.ElectricalConnectionPhaseNameTypeNeutral)
			parameter.AcMeasurementType = util.Ptr(model.ElectricalConnectionAcMeasurementTypeTypeApparent)
		}
		if told := connection.AddParameterDescription(parameter); told != nil {
			m.parameters[one.name] = *told
		}
	}
	return m, nil
}

// put tells new values.
func (m *measured) put(values map[string]float64) error {
	for name, value := range values {
		id, ok := m.ids[name]
		if !ok {
			return fmt.Errorf("%s is not measured", name)
		}
		data := model.MeasurementDataType{
			ValueType: util.Ptr(model.MeasurementValueTypeTypeValue), Value: model.NewScaledNumberType(value),
			ValueSource: util.Ptr(model.MeasurementValueSourceTypeMeasuredValue), ValueState: util.Ptr(model.MeasurementValueStateTypeNormal),
		}
		if err := m.measurement.UpdateDataForId(data, nil, id); err != nil {
			return err
		}
	}
	return nil
}
