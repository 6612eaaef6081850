/**
 * The resource types of FHIR R4 (4.0.1), and which of them say whose they are.
 *
 * Why a list: a type from outside becomes part of a path, a table row and a request; only known ones may.
 * Source: R4 StructureDefinitions, elements that may refer to a Patient.
 */
const SUBJECT = `Account AdverseEvent Basic CarePlan CareTeam ChargeItem ClinicalImpression Communication
  CommunicationRequest Composition Condition DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest
  DocumentReference Encounter Flag Goal GuidanceResponse ImagingStudy Invoice List MeasureReport Media
  MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Observation Procedure
  QuestionnaireResponse RequestGroup RiskAssessment ServiceRequest Specimen`;

const PATIENT = `AllergyIntolerance BodyStructure Claim ClaimResponse Consent CoverageEligibilityRequest
  CoverageEligibilityResponse DetectedIssue Device EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory
  Immunization ImmunizationEvaluation ImmunizationRecommendation MolecularSequence NutritionOrder Patient
  RelatedPerson SupplyDelivery VisionPrescription`;

const OTHERS = `ActivityDefinition Appointment AppointmentResponse AuditEvent Binary BiologicallyDerivedProduct
  Bundle CapabilityStatement CatalogEntry ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap
  Contract Coverage DeviceDefinition DeviceMetric EffectEvidenceSynthesis Endpoint EnrollmentRequest
  EnrollmentResponse EventDefinition Evidence EvidenceVariable ExampleScenario GraphDefinition Group
  HealthcareService ImplementationGuide InsurancePlan Library Linkage Location Measure Medication
  MedicationKnowledge MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication
  MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
  MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
  MedicinalProductUndesirableEffect MessageDefinition MessageHeader NamingSystem ObservationDefinition
  OperationDefinition OperationOutcome Organization OrganizationAffiliation Parameters PaymentNotice
  PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Provenance Questionnaire
  ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskEvidenceSynthesis Schedule
  SearchParameter Slot SpecimenDefinition StructureDefinition StructureMap Subscription Substance
  SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
  SubstanceSourceMaterial SubstanceSpecification SupplyRequest Task TerminologyCapabilities TestReport
  TestScript ValueSet VerificationResult`;

const words = (text: string): string[] => text.split(/\s+/);
const OF_PATIENTS: ReadonlySet<string> = new Set([...words(SUBJECT), ...words(PATIENT)]);
const ALL: ReadonlySet<string> = new Set([...OF_PATIENTS, ...words(OTHERS)]);

/** Is this a resource type of R4? */
export function isResourceType(text: unknown): text is string {
  return typeof text === 'string' && ALL.has(text);
}

/** May a resource of this type say whose it is, in `subject` or `patient`? A Patient is its own. */
export function namesPatient(type: string): boolean {
  return OF_PATIENTS.has(type);
}

/** Types that we write ourselves, and may hear of again; no rule reads them. */
export const WRITTEN_BY_US: ReadonlySet<string> = new Set([
  'DetectedIssue',
  'CarePlan',
  'Provenance',
  'Device',
  'Flag',
  'Communication',
]);
