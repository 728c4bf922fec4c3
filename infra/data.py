"""What is kept: the database of all services, and the bucket of the tickets' PDFs."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import Construct

from contracts.routes import SERVICES
from infra.network import DATABASE_PORT, Network
from infra.roles import Roles
from infra.settings import Environment

MASTER = "bilhetagem"
"""The login that makes the others. Nothing that runs all the time uses it."""

OLD_PDF_DAYS = 7
"""How long a PDF that was written over can be brought back: a week to notice a mistake. For so long, and no longer, the
name of whoever was erased is in the bucket (decision 39).
"""

ACCESS_LOG_DAYS = 90
"""Who fetched what, for as long as somebody may have to ask. It tells addresses, so no longer."""

LOGS = ("postgresql", "upgrade", "iam-db-auth-error")

PARAMETERS = {
    "rds.force_ssl": "1",
    # A slow statement is told, but not what it was about: parameters are names and e-mail addresses, and the detail of
    # an error quotes a row.
    "log_min_duration_statement": "1000",
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
    # A task that hangs must not keep its locks: three times the longest statement (STATEMENT_SECONDS of the chassis).
    "idle_in_transaction_session_timeout": "60000",
}


class Data(Stack):
    """One PostgreSQL for all services, each with a database and a login of its own in it, both called as the service
    (``bilhetagem create-databases`` makes them). A service logs in with its role, by IAM: there is no password.

    ``logins`` is the database as IAM knows it, ``master`` the master's login, made and rotated by RDS. ``access_log``
    takes all access logs.
    """

    def __init__(self, scope: Construct, settings: Environment, network: Network, roles: Roles, **stack: Any) -> None:
        super().__init__(scope, settings.stack("Data"), **stack)
        self.database = self._database(settings, network)
        self.logins, self.master = self._that_serves(settings)
        self.bucket = self._bucket()
        for service in SERVICES:
            for role in (roles.of(service, "ingress"), roles.of(service, "worker")):
                self.logins.grant_connect(role, service)
        self._let_store(roles)

    def _database(self, settings: Environment, network: Network) -> rds.DatabaseInstance:
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18_3)
        # An instance that lost its name would be another one: what refers to it (logs, alarms, a restore) names it.
        name = settings.prefix.removesuffix("-")
        database = rds.DatabaseInstance(
            self,
            "database",
            instance_identifier=name,
            engine=engine,
            instance_type=ec2.InstanceType(settings.database_class),
            vpc=network.vpc,
            vpc_subnets=network.database_subnets,
            security_groups=[network.database_group],
            port=DATABASE_PORT,
            publicly_accessible=False,
            multi_az=settings.standby,
            credentials=rds.Credentials.from_username(MASTER),
            manage_master_user_password=True,
            iam_authentication=True,
            # The bundle of certificates in the image has it.
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            parameter_group=rds.ParameterGroup(
                self,
                "parameters",
                engine=engine,
                parameters={**PARAMETERS, "max_connections": str(settings.database_connections)},
            ),
            storage_type=rds.StorageType.GP3,
            allocated_storage=settings.database_gib,
            max_allocated_storage=5 * settings.database_gib,
            # A key of our own: a snapshot under RDS's could not be shared with another account, and it can never be
            # exchanged.
            storage_encryption_key=kms.Key(self, "key", description=f"{name}: the database", enable_key_rotation=True),
            backup_retention=Duration.days(settings.backup_days),
            # In UTC: from three in the morning in São Paulo, and on Tuesdays, when few events go on sale.
            preferred_backup_window="06:00-07:00",
            preferred_maintenance_window="tue:07:30-tue:08:30",
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            deletion_protection=True,
            removal_policy=RemovalPolicy.SNAPSHOT,
            auto_minor_version_upgrade=True,
            enable_performance_insights=True,
            # Seven days, which are free.
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
            cloudwatch_logs_exports=list(LOGS),
        )
        for log in LOGS:
            # RDS would make it, and keep it for ever; a month, as the tasks' logs.
            group = logs.LogGroup(
                self,
                f"log-{log}",
                log_group_name=f"/aws/rds/instance/{name}/{log}",
                retention=logs.RetentionDays.ONE_MONTH,
                removal_policy=RemovalPolicy.DESTROY,
            )
            database.node.add_dependency(group)
        if not settings.standby:
            NagSuppressions.add_resource_suppressions(
                database,
                [NagPackSuppression(id="AwsSolutions-RDS3", reason="dev may stand still, for half the price.")],
            )
        return database

    def _that_serves(self, settings: Environment) -> tuple[rds.IDatabaseInstance, secretsmanager.ISecret]:
        """What of the database is not told by its name: its id, and its master's login."""
        made = self.database.secret
        assert made is not None, "RDS keeps the master's login in a secret"
        if settings.restored is None:
            return self.database, made
        # What other stacks import goes on being exported, or this one could not be deployed before them.
        for imported in (self.database.instance_resource_id, made.secret_arn):
            self.export_value(imported)
        serves = rds.DatabaseInstance.from_database_instance_attributes(
            self,
            "restored",
            instance_endpoint_address=self.database.db_instance_endpoint_address,
            instance_identifier=self.database.instance_identifier,
            instance_resource_id=settings.restored.resource_id,
            port=DATABASE_PORT,
            security_groups=[],
        )
        master = settings.restored.master_secret
        return serves, secretsmanager.Secret.from_secret_complete_arn(self, "restored-master", master)

    def _bucket(self) -> s3.Bucket:
        private: dict[str, Any] = {
            "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
            "encryption": s3.BucketEncryption.S3_MANAGED,
            "enforce_ssl": True,
            "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            # CloudFormation deletes no bucket that holds something, and should not.
            "removal_policy": RemovalPolicy.RETAIN,
        }
        self.access_log = s3.Bucket(
            self,
            "access-log",
            lifecycle_rules=[s3.LifecycleRule(id="forget", expiration=Duration.days(ACCESS_LOG_DAYS))],
            **private,
        )
        return s3.Bucket(
            self,
            "tickets",
            versioned=True,
            server_access_logs_bucket=self.access_log,
            server_access_logs_prefix="tickets/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget-what-was-written-over",
                    noncurrent_version_expiration=Duration.days(OLD_PDF_DAYS),
                    expired_object_delete_marker=True,
                ),
                # A PDF is put in one piece: what is in pieces is nobody's.
                s3.LifecycleRule(id="unfinished-uploads", abort_incomplete_multipart_upload_after=Duration.days(1)),
            ],
            **private,
        )

    def _let_store(self, roles: Roles) -> None:
        """The ticket service's worker prints tickets; its ingress serves them, and prints one again that is missing."""
        pdfs = self.bucket.arn_for_objects("tickets/*")
        policy = iam.Policy(
            roles,
            "ticket-pdfs",
            roles=[roles.of("ticket", "ingress"), roles.of("ticket", "worker")],
            statements=[
                iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[pdfs]),
                # Also that S3 says of a PDF that it is missing, and not that it is forbidden.
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn]),
            ],
        )
        NagSuppressions.add_resource_suppressions(
            policy,
            [
                NagPackSuppression(
                    id="AwsSolutions-IAM5",
                    reason="A PDF's key ends in what nobody can guess; the folder is the ticket service's alone.",
                    applies_to=[{"regex": r"/^Resource::.*\/tickets\/\*$/"}],
                )
            ],
        )
