"""The customer archive: customers, products, purchases, warranty cards, charges; browser keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogue_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("category", sa.String(length=40), nullable=True),
        sa.Column("exclusion", sa.String(length=40), nullable=True),
        sa.Column("warranty_months", sa.SmallInteger(), nullable=True),
        sa.Column("part_months", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("three_guarantee_months", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_catalogue_item_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_item"),
    )
    op.create_index(
        "ix_catalogue_item_line_created",
        "catalogue_item",
        ["business_line_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
    )
    op.create_index("uq_catalogue_item_line_sku", "catalogue_item", ["business_line_id", "sku"], unique=True)
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("name_hash", sa.LargeBinary(), nullable=True),
        sa.Column("external_id", sa.String(length=100), nullable=True),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("business_scope", sa.String(length=300), nullable=True),
        sa.Column("consents", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_customer_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer"),
    )
    op.create_index("ix_customer_email", "customer", ["email_hash"], postgresql_where=sa.text("email_hash IS NOT NULL"))
    op.create_index(
        "ix_customer_line_created",
        "customer",
        ["business_line_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
    )
    op.create_index("ix_customer_name", "customer", ["name_hash"], postgresql_where=sa.text("name_hash IS NOT NULL"))
    op.create_index("ix_customer_phone", "customer", ["phone_hash"], postgresql_where=sa.text("phone_hash IS NOT NULL"))
    op.create_index("uq_customer_line_external_id", "customer", ["business_line_id", "external_id"], unique=True)
    op.create_table(
        "purchase",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("catalogue_item_id", sa.Uuid(), nullable=True),
        sa.Column("order_no", sa.String(length=100), nullable=False),
        sa.Column("order_line", sa.SmallInteger(), nullable=False),
        sa.Column("product_name", sa.String(length=100), nullable=False),
        sa.Column("spec_model", sa.String(length=100), nullable=True),
        sa.Column("serial_no", sa.String(length=100), nullable=True),
        sa.Column("batch", sa.String(length=100), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("purchased_on", sa.Date(), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=True),
        sa.Column("buyer_type", sa.String(length=40), nullable=True),
        sa.Column("region", sa.String(length=20), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmation_method", sa.String(length=40), nullable=True),
        sa.Column("gift", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("bundle", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name="ck_purchase_quantity_positive"),
        sa.CheckConstraint("unit_price >= 0", name="ck_purchase_unit_price_not_negative"),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_purchase_business_line_id"),
        sa.ForeignKeyConstraint(["catalogue_item_id"], ["catalogue_item.id"], name="fk_purchase_catalogue_item_id"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_purchase_customer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_purchase"),
    )
    op.create_index("ix_purchase_batch", "purchase", ["batch"], postgresql_where=sa.text("batch IS NOT NULL"))
    op.create_index(
        "ix_purchase_customer",
        "purchase",
        ["customer_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
    )
    op.create_index(
        "ix_purchase_line_created",
        "purchase",
        ["business_line_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
    )
    op.create_index(
        "ix_purchase_serial_no", "purchase", ["serial_no"], postgresql_where=sa.text("serial_no IS NOT NULL")
    )
    op.create_index(
        "uq_purchase_order_line",
        "purchase",
        ["business_line_id", "order_no", "order_line", "serial_no"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "ticket_charge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=True),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("listed_price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name="ck_ticket_charge_amount_positive"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchase.id"], name="fk_ticket_charge_purchase_id"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name="fk_ticket_charge_ticket_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_charge"),
    )
    op.create_index("uq_ticket_charge_item", "ticket_charge", ["ticket_id", "item"], unique=True)
    op.create_table(
        "warranty_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("months", sa.SmallInteger(), nullable=False),
        sa.Column("part_months", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("replaced_on", sa.Date(), nullable=True),
        sa.Column("repair_days", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("repair_days >= 0", name="ck_warranty_card_repair_days_not_negative"),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_warranty_card_business_line_id"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchase.id"], name="fk_warranty_card_purchase_id"),
        sa.PrimaryKeyConstraint("id", name="pk_warranty_card"),
    )
    op.create_index(
        "ix_warranty_card_line_created",
        "warranty_card",
        ["business_line_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
    )
    op.create_index("uq_warranty_card_purchase", "warranty_card", ["purchase_id"], unique=True)
    op.create_table(
        "warranty_extension",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("warranty_card_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["warranty_card_id"], ["warranty_card.id"], name="fk_warranty_extension_warranty_card_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_warranty_extension"),
    )
    op.create_index("ix_warranty_extension_card", "warranty_extension", ["warranty_card_id"])
    op.add_column("api_key", sa.Column("origins", postgresql.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("api_key", "origins")
    op.drop_table("warranty_extension")
    op.drop_table("warranty_card")
    op.drop_table("ticket_charge")
    op.drop_table("purchase")
    op.drop_table("customer")
    op.drop_table("catalogue_item")
